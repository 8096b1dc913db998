/** What a template raises, or what is wrong with it. The message is Jinja's own where Jinja has one. */
export class TemplateError extends Error {}
