// Indexes this project's documentation and asks about it: node ask.mjs http://127.0.0.1:5100 "A question?"
import { readdir, readFile } from 'node:fs/promises';
import OpenAI from 'openai';

const [, , service = 'http://127.0.0.1:5100', question = 'What happens when a node fails?'] = process.argv;
const docs = new URL('../../docs/', import.meta.url);

for (const page of (await readdir(docs)).filter((name) => name.endsWith('.md'))) {
  const text = await readFile(new URL(page, docs), 'utf8');
  const answer = await fetch(`${service}/index`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      index_name: 'docs',
      documents: [{ text, metadata: { file_path: page, split_type: 'markdown' } }],
    }),
  });
  console.log(`${page}: ${answer.status}`);
}

const client = new OpenAI({ baseURL: `${service}/v1`, apiKey: 'none' });
const model = (await client.models.list()).data[0].id;
const answer = await client.chat.completions.create({
  model,
  messages: [{ role: 'user', content: question }],
  index_name: 'docs',
});
console.log(answer.choices[0].message.content);
for (const node of answer.source_nodes ?? []) {
  console.log(`- ${node.metadata.file_path}: ${node.citation.quote.slice(0, 100).replaceAll('\n', ' ')}`);
}
