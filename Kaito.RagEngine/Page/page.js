'use strict';

const at = id => document.getElementById(id);

async function send(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body ? { 'Content-Type': 'application/json' } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  const answer = await response.json();
  if (!response.ok) {
    throw new Error(typeof answer.detail === 'string' ? answer.detail : JSON.stringify(answer.detail));
  }
  return answer;
}

async function run(act) {
  at('status').textContent = 'Working…';
  try {
    at('status').textContent = await act();
  } catch (failure) {
    at('status').textContent = failure.message;
  }
}

async function refresh() {
  const names = await send('GET', 'indexes');
  at('indexes').replaceChildren(...names.map(name => Object.assign(document.createElement('option'), { value: name })));
}

function show(result) {
  const article = document.createElement('article');
  const quote = result.citation.quote;
  const start = result.text.indexOf(quote);
  const mark = Object.assign(document.createElement('mark'), { textContent: quote });
  const head = Object.assign(document.createElement('div'), {
    className: 'small',
    textContent: `${result.score.toFixed(3)} · ${result.source} · ${result.doc_id.slice(0, 12)}`,
  });
  article.append(head, result.text.slice(0, start), mark, result.text.slice(start + quote.length));
  return article;
}

at('add').addEventListener('click', () => run(async () => {
  const [document] = await send('POST', 'index', {
    index_name: at('index').value,
    documents: [{ text: at('text').value }],
  });
  await refresh();
  return `Indexed ${document.doc_id.slice(0, 12)}.`;
}));

at('ask').addEventListener('click', () => run(async () => {
  const answer = await send('POST', 'retrieve', { index_name: at('index').value, query: at('query').value });
  at('results').replaceChildren(...answer.results.map(show));
  return `${answer.count} passages.`;
}));

run(async () => {
  const health = await send('GET', 'health');
  at('about').textContent = `Store ${health.store}, embedder ${health.embedder?.name ?? 'not ready'}.`;
  await refresh();
  return '';
});
