export { checkMachine, type MachineChecks } from './check-machine.ts';
export { requireFit } from './findings.ts';
export { kitTarget } from './kit-target.ts';
export { probeMachine, type Machine } from './machine.ts';
