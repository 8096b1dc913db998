export { findings, requireFit } from './findings.ts';
export { kitTarget } from './kit-target.ts';
export { parseMachine, probeMachine, type Machine } from './machine.ts';
export { MACHINE_SCRIPT } from './script.ts';
