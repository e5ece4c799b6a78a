// Exercises that a page checks: numbers and formulas. The rules come with the page, from senet_lib/book/exercises, and say
// here what check() says in a notebook. What was answered is kept in this browser only.
(() => {
  const KEY = "senet-book/exercises"; // exercise -> { given: [texts], right }
  const TESTS = "senet-book/self-tests"; // "chapter/question" -> whether the first choice was right
  const WORDS = {
    unread: "{text} cannot be read at “{place}”. Write a number or a formula, such as 3 / 16 + 2 * {name}.",
    end: "its end",
    unknown: "{name} is no number, and none of these: {names}.",
    empty: "Write your answer first.",
    none: "Your formula gives no number for {arguments}.",
  };
  const fill = (text, parts) => text.replace(/\{(\w+)\}/g, (_, name) => parts[name]);

  // ------------------------------------------------------------------------------------------------- expressions
  // Python's arithmetic, which browsers do not read. A parser from npm has 11 KB; the page's budget has room for one.
  const LEVELS = [["==", "!=", "<=", ">=", "<", ">"], ["+", "-"], ["*", "//", "/", "%"]];
  const OPERATIONS = {
    "==": (a, b) => a === b, "!=": (a, b) => a !== b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
    "<": (a, b) => a < b, ">": (a, b) => a > b, "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b,
    "/": (a, b) => a / b, "//": (a, b) => Math.floor(a / b), "%": (a, b) => a - b * Math.floor(a / b),
  };
  const { abs, ceil, exp, floor, log, log2, max, min, sqrt } = Math;
  const clamp = (value, least, most) => max(least, min(most, value));
  const FUNCTIONS = { abs, ceil, clamp, exp, floor, log, log2, max, min, sqrt };

  /** The value of an expression. Throws an Error that says what cannot be read. */
  function evaluate(text, values) {
    if (/\d\s*%\s*$/.test(text)) return evaluate(text.replace(/%\s*$/, ""), values) / 100;
    const names = [...Object.keys(values), ...Object.keys(FUNCTIONS)];
    const parts = text.match(/\s*(\d+\.?\d*(e[-+]?\d+)?|\.\d+|\w+|\*\*|\/\/|[<>=!]=|[-+*\/%(),<>]|\S)/gi) ?? [];
    const tokens = parts.map((part) => part.trim());
    let at = 0;
    const fail = () => {
      throw new Error(fill(WORDS.unread, { text, place: tokens.slice(at).join(" ") || WORDS.end, name: Object.keys(values)[0] ?? 5 }));
    };
    const take = (token) => (tokens[at] === token ? ((at += 1), true) : false);
    const level = (depth) => {
      if (depth === LEVELS.length) return signed();
      let left = level(depth + 1);
      while (LEVELS[depth].includes(tokens[at])) {
        const operation = OPERATIONS[tokens[at]];
        at += 1;
        left = Number(operation(left, level(depth + 1)));
      }
      return left;
    };
    const signed = () => (take("-") ? -signed() : take("+") ? signed() : power());
    const power = () => {
      const base = atom();
      return take("**") ? base ** signed() : base;
    };
    const list = () => {
      const all = [level(0)];
      while (take(",")) all.push(level(0));
      return take(")") ? all : fail();
    };
    const atom = () => {
      const token = tokens[at] ?? "";
      if (/^[\d.]/.test(token)) return (at += 1), Number(token);
      if (take("(")) {
        const [value, ...others] = list();
        return others.length === 0 ? value : fail();
      }
      if (!/^[a-z]\w*$/i.test(token)) return fail();
      if (!names.includes(token)) throw new Error(fill(WORDS.unknown, { name: token, names: names.join(", ") }));
      at += 1;
      return token in values ? values[token] : take("(") ? FUNCTIONS[token](...list()) : fail();
    };
    const value = level(0);
    return at === tokens.length ? value : fail();
  }

  // ------------------------------------------------------------------------------------------------------- rules
  /** As Python's format does, for the formats g and f. */
  function format(value, kind) {
    const digits = Number(/\d+/.exec(kind)?.[0] ?? 6);
    if (kind.endsWith("f")) return value.toFixed(digits);
    const [mantissa, power] = value.toExponential(digits - 1).split("e").map(Number);
    if (power >= -4 && power < digits) return String(Number(value.toPrecision(digits)));
    return `${mantissa}e${power < 0 ? "-" : "+"}${String(abs(power)).padStart(2, "0")}`;
  }
  function reply(rule, given) {
    const holds = (expression) => evaluate(expression, { given });
    if (holds(rule.right)) return null;
    const text = rule.replies.find(([when]) => holds(when))?.[1] ?? rule.otherwise;
    const values = { given, ...Object.fromEntries(Object.entries(rule.values).map(([name, one]) => [name, holds(one)])) };
    return text.replace(/\{(\w+):([^}]*)\}/g, (_, name, kind) => format(values[name], kind));
  }
  /** What is wrong with the texts of a form's fields; null if they are right. */
  function judge(form, texts) {
    if (texts.some((text) => text.trim() === "")) return WORDS.empty;
    if (form.cases) {
      for (const [numbers, rule] of form.cases) {
        const given = evaluate(texts[0], Object.fromEntries(form.variables.map((name, i) => [name, numbers[i]])));
        const shown = form.variables.map((name, i) => `${name} = ${numbers[i]}`).join(", ");
        const wrong = Number.isFinite(given) ? reply(rule, given) : fill(WORDS.none, { arguments: shown });
        if (wrong !== null) return wrong;
      }
      return null;
    }
    const numbers = texts.map((text) => evaluate(text, {}));
    const whole = form.together.find(([all]) => all.every((one, i) => one === numbers[i]));
    return whole?.[1] ?? form.rules.map((rule, i) => reply(rule, numbers[i])).find((wrong) => wrong !== null) ?? null;
  }

  // ------------------------------------------------------------------------------------------------------- the page
  const recall = (key) => {
    try {
      return JSON.parse(localStorage.getItem(key)) ?? {};
    } catch {
      return {}; // a browser may refuse its storage; then nothing is kept
    }
  };
  const remember = (key, name, value) => {
    try {
      localStorage.setItem(key, JSON.stringify({ ...recall(key), [name]: value }));
    } catch {
      // as above
    }
  };

  function bring(box) {
    const form = JSON.parse(box.querySelector("script").textContent);
    const fields = [...box.querySelectorAll("input")];
    const told = box.querySelector("[role=status]");
    const check = () => {
      const given = fields.map((field) => field.value);
      let wrong;
      try {
        wrong = judge(form, given);
      } catch (error) {
        wrong = error.message;
      }
      told.textContent = wrong === null ? `✓ ${form.praise}` : `✗ ${wrong}`;
      box.dataset.right = String(wrong === null);
      remember(KEY, form.name, { given, right: wrong === null });
    };
    const kept = recall(KEY)[form.name];
    if (Array.isArray(kept?.given) && kept.given.length === fields.length) {
      fields.forEach((field, i) => (field.value = String(kept.given[i])));
      check();
    }
    box.addEventListener("submit", (event) => {
      event.preventDefault();
      check();
    });
  }
  document.querySelectorAll("form.senet-exercise").forEach(bring);

  // Self-tests are checked by what opens. The first choice counts.
  const chapter = location.pathname.match(/(\w+)\.html$/)?.[1];
  const groups = [];
  for (const option of document.querySelectorAll("details.senet-option:not(.senet-guess)")) {
    if (!option.previousElementSibling?.matches("details.senet-option")) groups.push([]);
    groups.at(-1).push(option);
  }
  for (const [index, options] of groups.entries()) {
    const name = `${chapter}/${index + 1}`;
    const note = ({ target }) => {
      if (!target.open || name in recall(TESTS)) return;
      remember(TESTS, name, target.classList.contains("senet-right"));
    };
    for (const option of options) option.addEventListener("toggle", note);
  }
  window.senetExercises = { judge }; // for tests: the same verdicts as Python's
})();
