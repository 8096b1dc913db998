const DAY = '(?:0[1-9]|1\\d|2[0-8])';
const LEAP_YEAR = '(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)';
const DATE = `(?:\\d{4}-(?:(?:0[1-9]|1[0-2])-${DAY}|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)|${LEAP_YEAR}-02-29)`;
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?';
const OFFSET = '(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)';
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const HOST = `(?:${LABEL}\\.)*${LABEL}`;
const BYTE = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const HEX4 = '[0-9a-fA-F]{1,4}';
const URI_CHARACTER = "(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9a-fA-F]{2})";
const URI_END = `(?:\\?(?:${URI_CHARACTER}|\\?)*)?(?:#(?:${URI_CHARACTER}|\\?)*)?`;
const URI = `[A-Za-z][A-Za-z0-9+.-]*://${HOST}(?::\\d{1,4})?(?:/${URI_CHARACTER}*)?${URI_END}`;
const REFERENCE = `/(?:[A-Za-z0-9._~-]${URI_CHARACTER}*)?`;
const DURATION = 'P(?:(?:\\d+Y)?(?:\\d+M)?\\d+D(?:T\\d+H\\d+M\\d+S)?|\\d+W|\\d+[YM]|T(?:\\d+H)?(?:\\d+M)?\\d+S|T\\d+[HM])';
const ATOM = '[A-Za-z0-9_%+-]+';

/**
 * Formats as patterns. Each admits only texts of its format, though not always all of them: an answer needs no IPv6 address with an
 * IPv4 address inside.
 */
const PATTERNS: Record<string, string> = {
  date: DATE,
  time: `${TIME}${OFFSET}`,
  'date-time': `${DATE}T${TIME}${OFFSET}`,
  duration: DURATION,
  email: `${ATOM}(?:\\.${ATOM})*@(?:${LABEL}\\.)+[A-Za-z]{2,24}`,
  hostname: HOST,
  ipv4: `(?:${BYTE}\\.){3}${BYTE}`,
  ipv6: `(?:${HEX4}:){7}${HEX4}|(?:${HEX4}:){1,3}(?::${HEX4}){1,3}|::1`,
  uri: URI,
  'uri-reference': `(?:${URI}|${REFERENCE})`,
  'json-pointer': '(?:/(?:[^~/]|~[01])*)*',
  uuid: '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}',
  byte: '(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?',
};

/** Names of other dialects for the same. */
const ALIASES: Record<string, string> = {
  guid: 'uuid',
  url: 'uri',
  iri: 'uri',
  'iri-reference': 'uri-reference',
  'idn-email': 'email',
  'idn-hostname': 'hostname',
  ip: 'ipv4',
  datetime: 'date-time',
  base64: 'byte',
};

/** The pattern of a format. Undefined for one that is not known, which restricts nothing: generators name many that say what a pattern says. */
export function patternOfFormat(format: string): string | undefined {
  const name = ALIASES[format] ?? format;
  return Object.hasOwn(PATTERNS, name) ? `^(?:${String(PATTERNS[name])})$` : undefined;
}
