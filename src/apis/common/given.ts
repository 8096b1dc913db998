type Given<Fields> = { [K in keyof Fields]?: Exclude<Fields[K], null | undefined> };

/** The fields that have a value: clients send null for what they leave out. */
export function given<Fields extends Record<string, unknown>>(fields: Fields): Given<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)) as Given<Fields>;
}
