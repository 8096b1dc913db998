/** Starts the signature of a thinking block that rbee has made. */
const OWN = 'rbee:';

/**
 * Clients send thinking blocks back with their signature, which must not be empty. Where a client wants the text left out, the signature
 * carries it: a template that keeps the reasoning gets it again.
 */
export function signatureOf(reasoning: string, isShown: boolean): string {
  return OWN + (isShown ? '' : Buffer.from(reasoning).toString('base64'));
}

/** The reasoning in a signature of rbee's own; '' for any other. */
export function textOfSignature(signature: string): string {
  return signature.startsWith(OWN) ? Buffer.from(signature.slice(OWN.length), 'base64').toString() : '';
}
