import type { Row, Table } from '../findings.ts';
import { median, percentile } from '../statistics.ts';
import type { Chain } from './chains.ts';
import type { Load, Outcome } from './run.ts';

type Kind = Chain['kind'];
type Hops = Chain['hops'];

/** One figure of a chain; `direct` is what was found without a hop between. */
type FigureOf<T> = (found: T, direct: T) => number;

/** Aims for three hops, ours as a share of nginx. */
const LATENCY_AIMS = { p50: 1, p99: 2 };
const CPU_AIMS: Record<string, number> = { '100 × 50/s': 1, '1000 × 10/s': 0.75 };
/** The processes of a chain, in the order of its pids. */
const PARTS = ['worker', 'hive', 'queen'];

export function nameOf({ streams, ratePerSecond }: Load): string {
  return ratePerSecond === undefined ? `${streams} streams, as fast as they go` : `${streams} × ${ratePerSecond}/s`;
}

/** @param found microseconds from request to first token, for each chain */
export function idleTable(found: Map<Chain, number[]>): Table {
  const rows = ([3, 2, 1] as const).flatMap((hops) => firstTokenRows(hops, found));
  const how =
    'From the POST of a request to the arrival of its first token, one request after the other, with nothing else running. ' +
    'The reader posts the job and reads its stream on one connection; the worker has its token ready at once. ' +
    'One hop is the worker alone; two are worker and hive, or worker and nginx; three have a queen, or a second nginx, before these.';
  return { title: 'Time to first token, idle', beside: 'nginx', rows, how };
}

export function loadTable(load: Load, outcomes: Map<Chain, Outcome[]>): Table {
  const rows = ([3, 2, 1] as const).flatMap((hops) => loadRows(load, hops, outcomes));
  return { title: nameOf(load), beside: 'nginx', rows, how: load.ratePerSecond === undefined ? HOW_UNPACED : HOW_PACED };
}

const HOW_PACED =
  'The worker generates tokens on a schedule, each stream with its own phase, and writes the time into each token; ' +
  'one reader of raw sockets takes all streams and checks that every event came once and in order. Hive and queen keep their durable log. ' +
  'CPU is what the process used, over the tokens that arrived, without the reader; latency is from making a token to reading it; ' +
  'time to first token is that of further requests, one after the other, while the streams run. ' +
  'Medians of runs that take turns; "added" is against reading the worker directly. ' +
  'Where CPU is over nginx, part of the difference is the durable log, which nginx does not have ' +
  '(see the rows with the log in memory). The rest is what a turn of the event loop costs: a hop wakes once for all that has come, and the fewer events come at once the less that is shared among them.';

const HOW_UNPACED =
  'The worker gives each stream a token in every turn of its event loop and does not wait for readers; a run ends with its last stream. ' +
  'A reader that falls behind reads from the log, in larger pieces.';

function loadRows(load: Load, hops: Hops, outcomes: Map<Chain, Outcome[]>): Row[] {
  const compare = comparing(hops, outcomes);
  const cpuAim = hops === 3 ? CPU_AIMS[nameOf(load)] : undefined;
  const rows: Row[] = [
    {
      what: `${hopsOf(hops)}: events delivered`,
      unit: '/s',
      ...compare((found) => medianOf(found, (run) => run.eventsPerSecond)),
    },
    {
      what: `${hopsOf(hops)}: CPU an event, all processes`,
      unit: 'µs',
      ...compare((found) => medianOf(found, (run) => run.cpuUsPerEvent.reduce((sum, us) => sum + us, 0))),
      ...aimAt(cpuAim),
    },
    ...PARTS.slice(0, hops > 1 ? hops : 0).map((part, at) => ({
      what: `– of it ${part}${at > 0 ? ' (nginx)' : ''}`,
      unit: 'µs',
      ...compare((found) => medianOf(found, (run) => run.cpuUsPerEvent[at] ?? NaN)),
    })),
  ];
  if (hops === 3) rows.push(...unloggedRows(outcomes));
  if (load.ratePerSecond === undefined) return rows;
  return [...rows, ...latencyRows(hops, outcomes), ...firstTokenRows(hops, firstTokensOf(outcomes))];
}

/** What durability costs. */
function unloggedRows(outcomes: Map<Chain, Outcome[]>): Row[] {
  const compare = comparing(3, outcomes, 'rbee without a durable log');
  const cpu = (run: Outcome) => run.cpuUsPerEvent.reduce((sum, us) => sum + us, 0);
  return [
    { what: '– with the log in memory', unit: 'µs', ...compare((found) => medianOf(found, cpu)) },
    { what: '– its latency of a token, p50', unit: 'µs', ...compare((found) => medianOf(found, (run) => run.latencyUs.p50)) },
  ];
}

function latencyRows(hops: Hops, outcomes: Map<Chain, Outcome[]>): Row[] {
  const compare = comparing(hops, outcomes);
  return (['p50', 'p99'] as const).flatMap((share) => {
    const of = (found: Outcome[]) => medianOf(found, (run) => run.latencyUs[share]);
    return [
      {
        what: `${hopsOf(hops)}: latency of a token, ${share}`,
        unit: 'µs',
        ...compare(of),
        ...aimAt(hops === 3 ? LATENCY_AIMS[share] : undefined),
      },
      ...(hops === 1 ? [] : [{ what: '– of it added', unit: 'µs', ...compare((found, direct) => of(found) - of(direct)) }]),
    ];
  });
}

function firstTokenRows(hops: Hops, firstTokensUs: Map<Chain, number[]>): Row[] {
  const compare = comparing(hops, firstTokensUs);
  return ([0.5, 0.99] as const).flatMap((share) => {
    const of = (found: number[]) => percentile(found, share) / 1000;
    return [
      { what: `${hopsOf(hops)}: time to first token, p${share * 100}`, unit: 'ms', ...compare(of) },
      ...(hops === 1 ? [] : [{ what: '– of it added', unit: 'ms', ...compare((found, direct) => of(found) - of(direct)) }]),
    ];
  });
}

function firstTokensOf(outcomes: Map<Chain, Outcome[]>): Map<Chain, number[]> {
  return new Map([...outcomes].map(([chain, runs]) => [chain, runs.flatMap(({ firstTokensUs }) => firstTokensUs)]));
}

/** Takes one figure from our chain of so many hops and from nginx's, each with what reading the worker directly found. */
function comparing<T>(
  hops: Hops,
  found: Map<Chain, T>,
  ourKind: Kind = 'rbee',
): (figure: FigureOf<T>) => Pick<Row, 'ours' | 'beside'> {
  const of = (kind: Kind, wanted: Hops) => [...found].find(([chain]) => chain.kind === kind && chain.hops === wanted)?.[1];
  const [ours, nginx, direct] = [of(ourKind, hops), of('nginx', hops), of('rbee', 1)];
  return (figure) => ({
    ours: ours === undefined || direct === undefined ? NaN : figure(ours, direct),
    ...(nginx === undefined || direct === undefined ? {} : { beside: figure(nginx, direct) }),
  });
}

function hopsOf(hops: Hops): string {
  return hops === 1 ? '1 hop' : `${hops} hops`;
}

function medianOf(runs: Outcome[], figure: (run: Outcome) => number): number {
  return median(runs.map(figure));
}

function aimAt(atMost: number | undefined): Pick<Row, 'aim'> {
  return atMost === undefined ? {} : { aim: { of: 'ratio', atMost } };
}
