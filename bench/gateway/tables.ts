import type { Row, Table } from '../findings.ts';
import { median, percentile, sum } from '../statistics.ts';
import type { FloodOutcome, GatewayOutcome, Load } from './run.ts';
import { gatewayKinds } from './gateways.ts';
import type { GatewayWay, Ways } from './ways.ts';

const FIRST_TOKEN_AIMS_MS = { p50: 1, p99: 5 };
/** Streams at which they hold. */
const AIMED_STREAMS = 500;
const TRANSLATION_AIM = 1.2;
const PEERS = gatewayKinds.map(({ name }) => name);

const HOW_LOAD =
  'Streams of tokens on a schedule, read by one process from raw sockets. rbee is a queen as it is built, a hive that forwards to a worker, and a worker whose engine is a timer; ' +
  'the others stand before one server that writes the same tokens as OpenAI’s chunks. Time to first token is that of further requests of one token, one after the other, while the streams run; ' +
  '"added" is against reading the worker, or that server, directly under the same load. CPU and memory are those of the processes between: queen and hive, or the other program. ' +
  'The ratio is to the better of Portkey and LiteLLM; nginx parses nothing. A program that delivers less than half of the tokens in time has no time to first token. Medians of runs that take turns.';

export function loadTable(load: Load, ways: Ways, outcomes: Map<GatewayWay, GatewayOutcome[]>): Table {
  const row = rowsOf(ways, outcomes);
  const firstToken = (share: 'p50' | 'p99'): Row => ({
    ...row(
      `added to the first token, ${share}`,
      'ms',
      (found, direct) => firstTokenMs(found, share) - firstTokenMs(direct, share),
    ),
    ...(load.streams === AIMED_STREAMS ? { aim: { of: 'figure', atMost: FIRST_TOKEN_AIMS_MS[share] } } : AHEAD),
  });
  const rows: Row[] = [
    firstToken('p50'),
    firstToken('p99'),
    { ...row('CPU an event', 'µs', (found) => medianOf(found, cpuBetween)), ...AHEAD },
    row('– of it queen', 'µs', (found) => medianOf(found, ({ cpuUsPerEvent }) => cpuUsPerEvent[1] ?? NaN), 'rbee alone'),
    row('events delivered', '/s', (found) => medianOf(found, ({ eventsPerSecond }) => eventsPerSecond)),
    { ...row('memory', 'MB', (found) => medianOf(found, ({ residentBytes }) => sum(residentBytes) / 1e6)), ...AHEAD },
    row('– of it queen', 'MB', (found) => medianOf(found, ({ residentBytes }) => (residentBytes[0] ?? NaN) / 1e6), 'rbee alone'),
  ];
  return { ...tableOf(`${load.streams} × ${load.ratePerSecond}/s`, rows), how: [HOW_LOAD, ...ways.missing].join(' ') };
}

export function requestsTable(atOnce: number, ways: Ways, floods: Map<GatewayWay, FloodOutcome[]>): Table {
  const row = rowsOf(ways, floods);
  const rows: Row[] = [
    {
      ...row('requests', '/s', (found) => median(found.map(({ requestsPerSecond }) => requestsPerSecond)), 'most'),
      aim: { of: 'ratio', atLeast: 1 },
    },
    { ...row('CPU a request', 'µs', (found) => median(found.map(({ cpuUsPerRequest }) => cpuUsPerRequest))), ...AHEAD },
  ];
  const how =
    `Requests of one token, ${atOnce} at a time, each on a connection of its own. A request to rbee is a job in the durable logs of queen and hive; ` +
    'source and reader take a part of the same cores.';
  return { ...tableOf(`Short requests, ${atOnce} at once`, rows), how };
}

/** The same jobs, read from the queen as they are. */
export function translationTable({ chat, jobs }: Ways, found: Map<Load, Map<GatewayWay, GatewayOutcome[]>>): Table {
  const rows = [...found].flatMap(([{ streams }, outcomes]): Row[] => {
    const of = (way: GatewayWay, at: (run: GatewayOutcome) => number) => medianOf(outcomes.get(way) ?? [], at);
    const queen = ({ cpuUsPerEvent }: GatewayOutcome) => cpuUsPerEvent[1] ?? NaN;
    return [
      {
        ...{ what: `${streams} streams: CPU an event, queen and hive`, unit: 'µs' },
        ...{ ours: of(chat, cpuBetween), beside: of(jobs, cpuBetween), aim: { of: 'ratio', atMost: TRANSLATION_AIM } },
      },
      { what: '– of it queen', unit: 'µs', ours: of(chat, queen), beside: of(jobs, queen) },
    ];
  });
  const how = 'The stream of `/v1/chat/completions` beside `/v1/jobs/{id}/stream` of the same queen, with the same tokens.';
  return { title: 'The translation of an event', beside: 'job stream', rows, how };
}

const AHEAD = { aim: { of: 'ratio', atMost: 1 } } as const;

function tableOf(title: string, rows: Row[]): Omit<Table, 'how'> {
  return { title, beside: 'the better gateway', others: PEERS, rows };
}

type Best = 'least' | 'most' | 'rbee alone';

/** Makes rows of one figure each: rbee's, and those of all peers that ran, the best gateway's among them. */
function rowsOf<T>(ways: Ways, found: Map<GatewayWay, T[]>) {
  return (what: string, unit: string, figure: (found: T[], direct: T[]) => number, best: Best = 'least'): Row => {
    const of = (way: GatewayWay) => figure(found.get(way) ?? [], way.direct === undefined ? [] : (found.get(way.direct) ?? []));
    const ours = of(ways.chat);
    if (best === 'rbee alone') return { what, unit, ours, others: {} };
    const figures = ways.peers.map((way): [string, number] => [way.name, of(way)]);
    const others = Object.fromEntries(figures.filter(([, figure]) => !Number.isNaN(figure)));
    const gateways = gatewayKinds.flatMap(({ name, isGateway }) => (isGateway ? (others[name] ?? []) : []));
    const beside = gateways.length === 0 ? undefined : best === 'least' ? Math.min(...gateways) : Math.max(...gateways);
    return { what, unit, ours, beside, others };
  };
}

function firstTokenMs(outcomes: GatewayOutcome[], share: 'p50' | 'p99'): number {
  return (
    percentile(
      outcomes.flatMap(({ firstTokensUs }) => firstTokensUs),
      share === 'p50' ? 0.5 : 0.99,
    ) / 1000
  );
}

function cpuBetween({ cpuUsPerEvent }: GatewayOutcome): number {
  return sum(cpuUsPerEvent.slice(1));
}

function medianOf(runs: GatewayOutcome[], figure: (run: GatewayOutcome) => number): number {
  return median(runs.map(figure));
}
