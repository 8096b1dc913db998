import { noPaint, type Paint } from '../screen/paint.ts';

/** How a result may look where it is shown. */
export interface Look {
  readonly paint: Paint;
  /** Characters that fit into a line. */
  readonly columns: number;
}

export const plainLook: Look = { paint: noPaint, columns: Infinity };
