// A library that is not installed ends the program with one clear line and exit code 3.
export async function load(module) {
  try {
    return await module();
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const name = /Cannot find package '([^']+)'/.exec(error.message)?.[1] ?? 'a library';
    console.error(`${name} is not installed: run \`npm ci\` in tests/bench/peers/node`);
    process.exit(3);
  }
}
