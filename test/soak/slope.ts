export interface Point {
  x: number;
  y: number;
}

export interface Slope {
  /** Of y, for each of x. */
  each: number;
  /** Half the width of its 95 % confidence interval. */
  give: number;
}

/** By least squares. Undefined for fewer than four points: two of them make the line, and the rest are to say how good it is. */
export function slopeOf(points: readonly Point[]): Slope | undefined {
  const count = points.length;
  if (count < 4) return undefined;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / count;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / count;
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  const each = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const off = points.reduce((sum, { x, y }) => sum + (y - meanY - each * (x - meanX)) ** 2, 0);
  return { each, give: STUDENT_95 * Math.sqrt(off / (count - 2) / spread) };
}

/** Student's t for 95 % and ten degrees of freedom; a little narrow for fewer points, a little wide for more. */
const STUDENT_95 = 2.23;
