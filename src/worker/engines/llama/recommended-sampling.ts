import type { GgufFileInfo } from 'node-llama-cpp';

/** What a model recommends to sample it with. */
export interface Recommendation {
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repeatPenalty?: number;
  /** How many tokens the penalty looks at. */
  lastTokens?: number;
}

/** The fields `general.sampling.*` of a header that are there and make sense. llama.cpp's converter takes them from a model's generation_config.json. */
export function recommendedSampling({ metadata }: Pick<GgufFileInfo, 'metadata'>): Recommendation {
  const { sampling } = metadata.general as { sampling?: Record<string, unknown> };
  const within = (field: string, lowest: number, highest: number) => {
    const value = sampling?.[field];
    return typeof value === 'number' && value >= lowest && value <= highest ? value : undefined;
  };
  const [temperature, topP, minP] = [within('temp', 0, 5), within('top_p', 0, 1), within('min_p', 0, 1)];
  const [topK, lastTokens] = [within('top_k', 0, 100_000), within('penalty_last_n', 0, 1_000_000)];
  const repeatPenalty = within('penalty_repeat', 0.01, 10);
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topK !== undefined && { topK: Math.floor(topK) }),
    ...(topP !== undefined && { topP }),
    ...(minP !== undefined && { minP }),
    ...(repeatPenalty !== undefined && { repeatPenalty }),
    ...(lastTokens !== undefined && { lastTokens: Math.floor(lastTokens) }),
  };
}
