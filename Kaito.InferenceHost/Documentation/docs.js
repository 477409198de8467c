'use strict';

const element = (name, text, ...children) => {
  const made = document.createElement(name);
  if (text) { made.textContent = text; }
  made.append(...children);
  return made;
};

const typeOf = schema => {
  if (typeof schema !== 'object' || schema === null) { return 'any'; }
  const types = [].concat(schema.type ?? 'any').filter(type => type !== 'null');
  const named = schema.enum ? schema.enum.map(value => JSON.stringify(value)).join(' | ') : types.join(' | ');
  return schema.items ? `${named} of ${typeOf(schema.items)}` : named;
};

const body = (title, content, schemas) => {
  const section = element('section', '', element('h3', title));
  for (const [type, { schema }] of Object.entries(content ?? {})) {
    const name = schema.$ref.split('/').pop();
    const table = element('table');
    for (const [member, of] of Object.entries(schemas[name].properties ?? {})) {
      table.append(element('tr', '', element('td', member), element('td', typeOf(of))));
    }

    section.append(element('p', `${type}: ${name}`), table);
  }

  return section;
};

const show = api => {
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const group = operation.tags?.[0] ?? 'Service';
      groups.set(group, [...(groups.get(group) ?? []), [method.toUpperCase(), path, operation]]);
    }
  }

  const main = document.getElementById('routes');
  main.textContent = '';
  for (const [group, operations] of [...groups].sort()) {
    main.append(element('h2', group));
    for (const [method, path, operation] of operations) {
      const details = element('details', '', element('summary', '', element('b', method), path));
      if (operation.requestBody) {
        details.append(body('Request', operation.requestBody.content, api.components.schemas));
      }

      details.append(body('Answer', operation.responses['200'].content, api.components.schemas));
      main.append(details);
    }
  }
};

fetch('openapi.json').then(answer => answer.json()).then(show)
  .catch(problem => { document.getElementById('routes').textContent = `The document did not load: ${problem}`; });
