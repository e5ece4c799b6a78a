// Shortens scripts with Terser, for lean_scripts.py: a list of texts comes in as JSON, a list goes out.
const { minify } = require("terser");

const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk));
process.stdin.on("end", async () => {
  const texts = JSON.parse(Buffer.concat(chunks));
  // Top-level names stay: other texts of the same page use them.
  // Single quotes, since in the page's JSON each double one needs a backslash.
  const options = {
    ecma: 2020,
    compress: { hoist_funs: true, passes: 2, toplevel: false },
    mangle: { toplevel: false },
    format: { quote_style: 1 },
  };
  const results = await Promise.all(texts.map((text) => minify(text, options)));
  process.stdout.write(JSON.stringify(results.map((result) => result.code)));
});
