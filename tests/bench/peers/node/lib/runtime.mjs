// The Lambda Runtime API, as an OS-only function speaks it: one kept-alive connection, one invocation at a time.
import http from 'node:http';

function address() {
  const told = process.env.AWS_LAMBDA_RUNTIME_API;
  if (!told) {
    console.error('AWS_LAMBDA_RUNTIME_API is not set: this program is started by Lambda, or by what stands in for it');
    process.exit(2);
  }
  // Lambda's own value has no scheme; a stand-in may put a scheme and a path in front.
  const url = new URL(told.includes('://') ? told : `http://${told}`);
  return { host: url.hostname, port: url.port || 80, path: `${url.pathname.replace(/\/+$/, '')}/2018-06-01/runtime` };
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1, noDelay: true });

function call({ host, port }, method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = http.request({ agent, host, port, method, path, headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

const described = (error) => JSON.stringify({ errorType: error.name ?? 'Error', errorMessage: String(error.message ?? error) });

// Runs `init` once, then its handler, `(event, {requestId}) => answer`, for every invocation, until the API goes away.
export async function run(init) {
  const api = address();
  let handler;
  try {
    handler = await init();
  } catch (error) {
    await call(api, 'POST', `${api.path}/init/error`, described(error)).catch(() => {});
    console.error(described(error));
    process.exit(1);
  }
  for (;;) {
    const next = await call(api, 'GET', `${api.path}/invocation/next`).catch(() => undefined);
    if (next === undefined || next.status !== 200) process.exit(0);
    const requestId = next.headers['lambda-runtime-aws-request-id'];
    let where = 'response';
    let body;
    try {
      body = JSON.stringify((await handler(JSON.parse(next.body), { requestId })) ?? null);
    } catch (error) {
      where = 'error';
      body = described(error);
    }
    const told = await call(api, 'POST', `${api.path}/invocation/${requestId}/${where}`, body).catch(() => undefined);
    if (told === undefined) process.exit(0);
  }
}
