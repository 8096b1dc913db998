import { noPaint, type Paint } from '../screen/paint.ts';

/** The colours and the width of the place where a result is shown. */
export interface Look {
  readonly paint: Paint;
  /** Width of a line. */
  readonly columns: number;
}

export const plainLook: Look = { paint: noPaint, columns: Infinity };
