const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** In decimal units, as disks, memory and models are sold: 1_898_272 is '1.9 MB'. */
export function formatBytes(count: number): string {
  let value = Math.abs(count);
  let unit = 0;
  // 999.95 would round up to four digits.
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${count < 0 ? '-' : ''}${value.toFixed(digits)} ${UNITS[unit]}`;
}
