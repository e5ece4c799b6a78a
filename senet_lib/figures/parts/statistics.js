// Sum, mean and variance of some numbers, and Student's 95% interval of a mean: senet_lib/student_t.py has the quantiles.

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
