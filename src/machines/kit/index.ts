export { layerNames, makeKit, type Kit, type LayerName } from './kit.ts';
export { layerBytes, type Layer } from './layer.ts';
export { metered } from './meter.ts';
export { findPackageRoot } from './package-root.ts';
export { isGlibcTooOld, ownTarget, targetName, type Target } from './target.ts';
