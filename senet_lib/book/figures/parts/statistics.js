// Sum, mean and variance of some numbers; Student's 95% interval of a mean, for which a figure's Python has the
// quantiles; and Wilson's of a share.

export const NO_SPREAD = 1e-9; // a standard deviation below this is nothing but rounding

export const sumOf = (values) => values.reduce((sum, value) => sum + value, 0);
export const meanOf = (values) => sumOf(values) / values.length;

/** The sample's variance, with n - 1; NaN for one number. */
export function varianceOf(values) {
  const mean = meanOf(values);
  return sumOf(values.map((value) => (value - mean) ** 2)) / (values.length - 1);
}

/** Student's 95% interval of a mean. Without a spread there is none. */
export function interval(mean, deviation, error, t = NaN) {
  const half = deviation > NO_SPREAD ? t * error : NaN;
  return { mean, deviation, error, t, low: mean - half, high: mean + half };
}

/** Wilson's 95% interval of a share, from k of n. */
export function shareInterval(k, n) {
  const z = 1.959964; // 97.5% of the normal distribution lie below it
  const share = k / n;
  const middle = share + (z * z) / (2 * n);
  const half = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return [(middle - half) / (1 + (z * z) / n), (middle + half) / (1 + (z * z) / n)];
}
