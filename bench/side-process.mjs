// The process of one side: answers the calls of `startSide`, one after another.
const { open } = await import(process.argv[2]);

let side = {};

async function answer({ name, argument }) {
  if (name === "open") side = await open(argument);
  else if (name === "close") await side.close?.();
  else return side[name](argument);
  return null;
}

process.on("message", (message) => {
  answer(message).then(
    (result) => process.send({ result }),
    (error) => process.send({ error: error.stack ?? String(error) }),
  );
});
