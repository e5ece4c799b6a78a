// Leaves out of a style sheet what no page uses, and shortens the rest, for lean_styles.py: the paths of the sheet and of the
// pages and scripts come in as arguments, the sheet's text goes out.
const { transform } = require("lightningcss");
const { PurgeCSS } = require("purgecss");

const [sheet, ...content] = process.argv.slice(2);
// Besides rules, PurgeCSS leaves out what no rule asks for. It does not see which of our own colours the scripts of
// figures ask for.
const settings = { fontFace: true, keyframes: true, variables: true, safelist: { variables: [/^--(quantity|senet)-/] } };

// Without them, Lightning CSS writes shorthands that no browser reads yet.
const targets = { chrome: 123 << 16, firefox: 128 << 16, safari: (17 << 16) | (5 << 8) };

(async () => {
  const [{ css }] = await new PurgeCSS().purge({ content, css: [sheet], ...settings });
  process.stdout.write(transform({ filename: sheet, code: Buffer.from(css), minify: true, targets }).code);
})();
