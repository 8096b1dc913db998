import type { EngineKind } from '../../contract/index.ts';
import type { EngineModule } from './engine.ts';
import { describeGpus } from './llama/describe-gpus.ts';
import { loadLlama } from './llama/load.ts';

export type { GenerationEvent, CountRequest, Engine, GenerateRequest, Generation, RawPrompt } from './engine.ts';

/** A further engine is one more entry, and one more name in the contract's `engineKinds`. */
export const engines: Record<EngineKind, EngineModule> = {
  embedded: { load: loadLlama, describeGpus },
};
