// Logs as JSON lines and metrics in CloudWatch's embedded format, both on standard output.
const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

export const log = (level, message, fields) =>
  write({ timestamp: new Date().toISOString(), level, message, ...fields });

export const count = (service, name, value) =>
  write({
    _aws: {
      Timestamp: Date.now(),
      CloudWatchMetrics: [
        { Namespace: 'Comptoir', Dimensions: [['service']], Metrics: [{ Name: name, Unit: 'Count' }] },
      ],
    },
    service,
    [name]: value,
  });
