namespace Kaito.ModelBuilder.Tiny;

/// <summary>What the tiny model knows: replies it has heard, and further words so that prompts tokenize well.</summary>
internal static class TinyText
{
    /// <summary>One reply a line. The model says words in an order that occurs here.</summary>
    public const string Replies = """
        Hello! I am a tiny model. I know very few words.
        Hello! This tiny model runs on your own machine.
        I am small, but I answer in a moment.
        I run on one processor and need no network.
        My answers are short. They follow the question in form, not in meaning.
        The cluster is ready. Your workspace runs and the tokens flow.
        This is a test of the whole path, from the manifest to the tokens.
        Your question is good, but a tiny model can not answer the question well.
        Ask a larger model for meaning. Ask me for a quick test.
        The path works. A larger model will say more.
        They are words from a small list. No meaning is in my words.
        A model this small will repeat words, but the machine is quick.
        """;

    /// <summary>Shapes the vocabulary only.</summary>
    public const string Vocabulary = """
        system user assistant tool
        You are a helpful assistant. What is the capital of France? The capital of France is Paris.
        Write a short story about a robot and a dog. Tell me a joke about computers. Explain how this works.
        Say hello to the world in three words. Count from one to ten and stop. Summarize the following text.
        Kubernetes is an open source system for running containers. A node has processors, memory and disks.
        The quick brown fox jumps over the lazy dog. How are you today? Thank you very much, that was great.
        Please give me a list of colors and numbers with their names. Why is the sky blue? Who wrote this book?
        There were many people who would have been there when they could. It should be better to have some time.
        """;
}
