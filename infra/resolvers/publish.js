// publishProfileChange: writes nothing; what comes in goes out, to the mutation's caller and to its subscribers.
export function request(ctx) {
  return { payload: ctx.args.change };
}

export function response(ctx) {
  return ctx.result;
}
