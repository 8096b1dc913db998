import manifest from '../../package.json' with { type: 'json' };

/** Version of the engine's library that is bundled with rbee. It refuses packages with binaries of any other version. */
export const ENGINE_VERSION = manifest.optionalDependencies['@node-llama-cpp/linux-x64'];
