/** What a template's thread loads: a file of its own in dist/. */
export { JinjaTemplateChatWrapper } from 'node-llama-cpp';
