// Settings of PurgeCSS, for lean_styles.py. Besides rules, it leaves out what no rule asks for. It does not see which of our
// own colours the scripts of figures ask for.
module.exports = {
  content: [],
  css: [],
  fontFace: true,
  keyframes: true,
  variables: true,
  safelist: { variables: [/^--(quantity|senet)-/] },
};
