// The gates of trained networks by group of pictures: the state of class_gates.js, checked, and its arithmetic.
import { isList, isText, isWhole, need, requireShape } from "./kit.js";
import { sumOf } from "./statistics.js";

export const NO_FOCUS = -1;
export const FEW = 4; // so many groups are lines, each with a dash and a marker; more would be a thicket, and are dots
export const NEVER_CHANGES = -1; // in place of a similarity
const LEAST_SPREAD = 1e-4; // a standard deviation below this is nothing but rounding: records have four digits

// ----------------------------------------------------------------------------------------------------------- the state

/** The networks, checked; the blocks of each as a map from the name to what describeBlock says. */
export function readNetworks(view) {
  const list = view.data("networks");
  const [means, spreads, similarity] = ["means", "spreads", "similarity"].map((name) => view.arrays(name));
  need(isList(list), "networks is not a list, or is empty; give at least one network.");
  return list.map((entry, index) => {
    const { name, label = name, groups, counts, grouped_by: groupedBy, blocks, data = "" } = entry ?? {};
    const isNew = isText(name) && list.findIndex((other) => other?.name === name) === index;
    need(isNew, `networks has the name ${name} at place ${index}; each needs a text of its own.`);
    const where = `network ${name}`;
    const areTexts = isList(groups) && groups.every(isText);
    const areNames = areTexts && groups.length > 1 && new Set(groups).size === groups.length;
    need(areNames, `${where} has the groups [${groups}]; give at least two different names.`);
    const areCounts = isList(counts) && counts.length === groups.length && counts.every(isWhole);
    const wanted = "give a whole number above 0 for each.";
    need(areCounts, `${where} has the counts [${counts}] for ${groups.length} groups; ${wanted}`);
    need(isText(groupedBy), `${where} has grouped_by ${groupedBy}; say what the groups are, such as "class".`);
    const channels = Object.entries(blocks ?? {});
    const areBlocks = channels.length > 0 && channels.every(([, count]) => isWhole(count));
    need(areBlocks, `${where} has the blocks ${JSON.stringify(blocks)}; give each name its number of channels.`);
    const read = (trait, arrays, key, count) => {
      const place = `${trait}.${key}`;
      const found = requireShape(place, arrays[key], [groups.length, count]).data;
      const bad = found.findIndex((value) => value < 0 || value > 1);
      const [group, channel] = [groups[Math.floor(bad / count)], bad % count];
      need(bad < 0, `${place} has ${found[bad]} for ${group} in channel ${channel}; it must be from 0 to 1.`);
      return found;
    };
    const described = channels.map(([block, count]) => {
      const key = `${name}/${block}`;
      return [block, describeBlock(read("means", means, key, count), read("spreads", spreads, key, count), counts)];
    });
    const alike = requireShape(`similarity.${name}`, similarity[name], [channels.length, channels.length]).data;
    const bad = alike.find((value) => value !== NEVER_CHANGES && !(value > -1e-3 && value < 1.001));
    const allowed = "it must be from 0 to 1, or -1 for a block that never changes.";
    need(bad === undefined, `similarity.${name} has ${bad}; ${allowed}`);
    return { name, label, groups, counts, groupedBy, blocks: new Map(described), alike, data };
  });
}

/**
 * A function that makes the rest of the state fit, after another network or block was chosen, here or in Python. What
 * was set together with it stays as it is.
 */
export function createFitting(view, chosen) {
  const read = () => ["block", "shown", "focus", "channel"].map((name) => [name, JSON.stringify(view.get(name))]);
  let last = null; // the network, its block, and the traits of the last drawing
  const fit = (name, value, traits) => {
    if (JSON.stringify(view.get(name)) === traits.get(name)) view.set(name, value);
  };
  return () => {
    const network = chosen();
    if (last !== null && network !== last.network) {
      const { groups, blocks } = network;
      if (!blocks.has(view.get("block"))) fit("block", [...blocks.keys()][0], last.traits);
      if (groups.join() !== last.network.groups.join()) {
        fit("shown", [...groups.keys()], last.traits);
        fit("focus", groups.length > FEW ? 0 : NO_FOCUS, last.traits);
      }
    }
    const block = network.blocks.get(view.get("block"));
    const most = block ? block.mean.length - 1 : Infinity;
    if (last !== null && block !== last.block && view.get("channel") > most) fit("channel", most, last.traits);
    last = { network, block, traits: new Map(read()) };
  };
}

/** What the controls of the kit do not check. */
export function requireState(view, { label, groups }, { mean }) {
  const [shown, focus, channel] = ["shown", "focus", "channel"].map((name) => view.get(name));
  const isGroup = (value) => Number.isInteger(value) && value >= 0 && value < groups.length;
  const most = groups.length - 1;
  const areGroups = Array.isArray(shown) && shown.every(isGroup) && new Set(shown).size === shown.length;
  const listed = `it must be a list of different groups of ${label}, each from 0 to ${most}.`;
  need(areGroups, `shown is ${JSON.stringify(shown)}; ${listed}`);
  const isFocus = focus === NO_FOCUS || isGroup(focus);
  need(isFocus, `focus is ${focus}; it must be a group of ${label}, from 0 to ${most}, or -1 for none.`);
  const isChannel = Number.isInteger(channel) && channel >= 0 && channel < mean.length;
  need(isChannel, `channel is ${channel}; ${view.get("block")} has the channels 0 to ${mean.length - 1}.`);
}

/** Where a block stands: "stage 2, block 2 of 3" for names such as "layer2.1", else its number of all. */
export function placeOf(names, name) {
  const stem = (one) => one.slice(0, Math.max(0, one.lastIndexOf(".")));
  const stage = /^layer(\d+)$/.exec(stem(name))?.[1];
  const beside = stage ? names.filter((one) => stem(one) === stem(name)) : names;
  const place = `block ${beside.indexOf(name) + 1} of ${beside.length}`;
  return stage ? `stage ${stage}, ${place}` : place;
}

/** Names without what all begin with, up to the first digit: "2.1" for "layer2.1". */
export function shortNames(names) {
  const [stem] = /^\D*/.exec(names[0]);
  const areLonger = names.every((name) => name.startsWith(stem) && name.length > stem.length);
  return areLonger ? names.map((name) => name.slice(stem.length)) : names;
}

// ------------------------------------------------------------------------------------------------------ the arithmetic

const shareOf = (values, isIn) => values.filter(isIn).length / values.length;

/**
 * A block's gates over all N pictures, from the means and spreads of its K groups, (K, C) each, and the groups' counts.
 * mean, between and within have C numbers: the mean gate, the variance of the groups' means around it, and the mean
 * variance within the groups. explained is the share of the variance that is between the groups, over all channels; NaN
 * if nothing changes. byChance is what it would be on average if the pictures were put into such groups at random.
 */
export function describeBlock(means, spreads, counts) {
  const width = means.length / counts.length;
  const total = sumOf(counts);
  const channels = Array.from({ length: width }, (_, channel) => channel);
  const average = (termOf) => channels.map((c) => sumOf(counts.map((n, k) => (n / total) * termOf(k * width + c, c))));
  const mean = average((at) => means[at]);
  const between = average((at, c) => (means[at] - mean[c]) ** 2);
  const within = average((at) => spreads[at] ** 2);
  const [outer, inner] = [sumOf(between) / width, sumOf(within) / width];
  return {
    means,
    spreads,
    mean,
    between,
    explained: Math.sqrt(outer + inner) > LEAST_SPREAD ? outer / (outer + inner) : NaN,
    byChance: (counts.length - 1) / (total - 1),
    outer: Math.sqrt(outer),
    inner: Math.sqrt(inner),
    overall: sumOf(mean) / width,
    low: shareOf(mean, (gate) => gate < 0.1),
    high: shareOf(mean, (gate) => gate > 0.9),
  };
}

/** The channels in an order of ORDERS; equal ones by number. */
export function orderOf({ mean, between }, order) {
  const key = { mean, difference: between }[order] ?? mean.map(() => 0);
  return [...mean.keys()].sort((a, b) => key[b] - key[a] || a - b);
}
