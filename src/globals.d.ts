/** The version in package.json, written in by the build. */
declare const __RBEE_VERSION__: string;
