// How vitepress makes the site. Pages stay where they are in the repository, so links between them hold in both.

/** As GitHub names a heading, and as test/docs/links.ts checks it. */
function slugify(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

/** The site has pages alone: a link to a source or a folder becomes its text. */
function unlinkSources(tokens) {
  let isSource = false;
  for (const token of tokens) {
    if (token.type === 'link_open') isSource = !/^[a-z]+:|^#|\.md(?:#|$)/.test(token.attrGet('href') ?? '');
    if (!isSource || (token.type !== 'link_open' && token.type !== 'link_close')) continue;
    token.tag = 'span';
    token.attrs = null;
  }
}

const page = (text, link) => ({ text, link });

export default {
  title: 'slicewright',
  description: 'Rule compiler and node agent for multi-cluster Kubernetes Services',
  // test/docs/links.test.ts checks every link, those to sources too.
  ignoreDeadLinks: true,
  appearance: true,
  lastUpdated: false,
  markdown: {
    anchor: { slugify },
    config: (markdown) => {
      // `<name>` in a text is a text.
      markdown.set({ html: false });
      markdown.core.ruler.push('only-pages', ({ tokens }) => {
        for (const { children } of tokens) unlinkSources(children ?? []);
      });
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      page('Commands', '/docs/commands'),
      page('Operations', '/docs/operations'),
      page('Glossary', '/docs/glossary'),
    ],
    sidebar: [
      {
        text: 'Tasks',
        items: [
          page('Print rules', '/docs/print-rules'),
          page('Find out why a Service fails', '/docs/why-does-a-service-fail'),
          page('Review a change', '/docs/review-a-change'),
          page('Test rules in CI', '/docs/testing-rules'),
          page('Move between modes', '/docs/move-between-modes'),
          page('Run across clusters', '/docs/run-across-clusters'),
          page('Recover a node', '/docs/recover'),
          page('Deploy', '/deploy/README'),
        ],
      },
      {
        text: 'Reference',
        items: [
          page('Commands', '/docs/commands'),
          page('Configuration', '/docs/configuration'),
          page('Operations', '/docs/operations'),
          page('Diagnostics and log events', '/docs/diagnostics'),
          page('Metrics', '/docs/metrics'),
          page('Several clusters', '/docs/multicluster'),
          page('Policies', '/docs/policies'),
          page('Registry', '/docs/registry'),
          page('Controller', '/docs/controller'),
          page('Rules by number', '/docs/rules'),
          page('Performance', '/docs/performance'),
          page('Security', '/docs/security'),
          page('Glossary', '/docs/glossary'),
        ],
      },
      {
        text: 'Project',
        items: [
          page('Architecture', '/ARCHITECTURE'),
          page('Adding a backend', '/docs/adding-a-backend'),
          page('Contributing', '/CONTRIBUTING'),
          page('Changes', '/CHANGELOG'),
          page('Report a vulnerability', '/SECURITY'),
        ],
      },
    ],
  },
};
