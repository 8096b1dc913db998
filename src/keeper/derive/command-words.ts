/** 'hive_import_ssh' → ['hive', 'import-ssh']; 'infer' → ['infer']. */
export function wordsOf(operation: string): string[] {
  const [noun = '', ...verb] = operation.split('_');
  return verb.length === 0 ? [noun] : [noun, verb.join('-')];
}
