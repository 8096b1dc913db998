/** A pattern that a grammar cannot hold. The message is the second half of a sentence about it. */
export class PatternFault extends Error {}
