// The two parameters under a prefix: read at init, kept five minutes, read again when one may have been rotated.
import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';

const KEPT = 300_000;
const PATIENCE = 20_000;

export class SecretStore {
  #client;
  #webhookName;
  #apiKeyName;
  #kept;

  constructor(config, prefix) {
    this.#client = new SSMClient(config);
    this.#webhookName = `${prefix}/stripe-webhook-secrets`;
    this.#apiKeyName = `${prefix}/stripe-api-key`;
  }

  current() {
    return this.#newerThan(KEPT);
  }

  renewed() {
    return this.#newerThan(PATIENCE);
  }

  async #newerThan(age) {
    const now = Date.now();
    const kept = this.#kept;
    if (kept && (now - kept.readAt < age || now - kept.triedAt < PATIENCE)) return kept.secrets;
    try {
      const secrets = await this.#read();
      this.#kept = { readAt: now, triedAt: now, secrets };
      return secrets;
    } catch (error) {
      if (!kept) throw error;
      // Secrets change rarely: those we have serve while the store is away.
      kept.triedAt = now;
      return kept.secrets;
    }
  }

  async #read() {
    const { Parameters = [] } = await this.#client.send(
      new GetParametersCommand({ Names: [this.#webhookName, this.#apiKeyName], WithDecryption: true }),
    );
    const value = (name) => Parameters.find((parameter) => parameter.Name === name)?.Value ?? '';
    return {
      webhook: value(this.#webhookName).split(/[ ,\n\r\t]+/).filter(Boolean),
      apiKey: value(this.#apiKeyName).trim() || undefined,
    };
  }
}
