'use strict';
const element = (id) => document.getElementById(id);
const log = element('log');
let messages = [];
let running = null;

const headers = () => {
  const key = element('key').value;
  return { 'Content-Type': 'application/json', ...(key ? { Authorization: `Bearer ${key}` } : {}) };
};

function show(kind, text = '') {
  log.querySelector('.empty')?.remove();
  const article = document.createElement('article');
  article.className = kind;
  const body = document.createElement('div');
  body.textContent = text;
  article.append(body);
  log.append(article);
  article.scrollIntoView({ block: 'end' });
  return { article, body };
}

async function problem(response) {
  try {
    const { error } = await response.json();
    return typeof error === 'string' ? error : error.message;
  } catch {
    return `${response.status} ${response.statusText}`;
  }
}

async function listModels() {
  const response = await fetch('v1/models', { headers: headers() });
  if (!response.ok) {
    show('error', `The models cannot be listed: ${await problem(response)}`);
    return;
  }

  const { data } = await response.json();
  element('model').replaceChildren(...data.map((card) => new Option(card.parent ? `${card.id} (adapter of ${card.parent})` : card.id, card.id)));
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (pending + part.value).split('\n\n');
    pending = lines.pop();
    for (const line of lines) {
      const data = line.replace(/^data: /, '');
      if (data !== '[DONE]') yield JSON.parse(data);
    }
  }
}

function think(article, text) {
  let details = article.querySelector('details');
  if (!details) {
    details = document.createElement('details');
    details.append(Object.assign(document.createElement('summary'), { textContent: 'Thoughts' }), document.createElement('div'));
    article.prepend(details);
  }

  details.lastChild.textContent += text;
}

async function ask(text) {
  messages.push({ role: 'user', content: text });
  show('user', text);
  const { article, body } = show('assistant');
  running = new AbortController();
  element('send').textContent = 'Stop';
  const started = performance.now();
  let first = 0, usage = null, answer = '';
  try {
    const response = await fetch('v1/chat/completions', {
      method: 'POST',
      headers: headers(),
      signal: running.signal,
      body: JSON.stringify({
        model: element('model').value || undefined,
        messages,
        stream: true,
        stream_options: { include_usage: true },
        temperature: Number(element('temperature').value),
        top_p: Number(element('top_p').value),
        max_completion_tokens: Number(element('max_tokens').value),
      }),
    });
    if (!response.ok) throw new Error(await problem(response));
    for await (const chunk of events(response)) {
      if (chunk.error) throw new Error(chunk.error.message);
      const delta = chunk.choices?.[0]?.delta ?? {};
      if (delta.content || delta.reasoning) first ||= performance.now();
      if (delta.reasoning) think(article, delta.reasoning);
      answer += delta.content ?? '';
      body.textContent = answer;
      usage = chunk.usage ?? usage;
      log.scrollTop = log.scrollHeight;
    }
  } catch (error) {
    if (error.name !== 'AbortError') {
      article.className = 'error';
      body.textContent = error.message;
      messages.pop();
      return;
    }
  } finally {
    running = null;
    element('send').textContent = 'Send';
  }

  messages.push({ role: 'assistant', content: answer });
  if (usage) {
    const seconds = (performance.now() - (first || started)) / 1000;
    const footer = document.createElement('footer');
    footer.textContent = `${usage.completion_tokens} tokens, ${(usage.completion_tokens / Math.max(seconds, 0.001)).toFixed(1)} tokens/s, `
      + `first after ${((first || performance.now()) - started).toFixed(0)} ms`;
    article.append(footer);
  }
}

element('ask').addEventListener('submit', (event) => {
  event.preventDefault();
  if (running) {
    running.abort();
    return;
  }

  const text = element('prompt').value.trim();
  element('prompt').value = '';
  if (text) ask(text);
});
element('prompt').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    element('ask').requestSubmit();
  }
});
element('clear').addEventListener('click', () => {
  running?.abort();
  messages = [];
  log.replaceChildren();
});
element('key').addEventListener('change', listModels);
listModels();
