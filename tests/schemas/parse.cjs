// The official AsyncAPI parser reads the document: no error, no warning.
const { readFileSync } = require('node:fs');
const { Parser } = require('@asyncapi/parser');

const SEVERITIES = ['error', 'warning', 'information', 'hint'];

async function main(path) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(path, 'utf8'));
  for (const { severity, code, message, path: where } of diagnostics) {
    console.log(`${SEVERITIES[severity]}: ${code} at ${where.join('.')}: ${message}`);
  }
  if (!document || diagnostics.some(({ severity }) => severity <= 1)) {
    console.error(`schemas: ${path} is not what AsyncAPI asks for`);
    process.exit(1);
  }
  const messages = document.messages().all().length;
  console.log(`asyncapi ${document.version()}: ${document.channels().all().length} channels, ` +
    `${document.operations().all().length} operations, ${messages} messages: valid`);
}

main(process.argv[2]);
