/** The version in package.json, written in by the build. */
declare const __RBEE_VERSION__: string;

/** URL of the program of the thread that renders chat templates, absolute or from the file that names it. */
declare const __TEMPLATE_RENDERER__: string;

/** The same of node-llama-cpp's test of a binary. Only in what is built. */
declare const __BINARY_TEST__: string;
