// The gate's checks of many new documents, and ajv alone on the same texts, in one process.
import { FIRST_STUDY, nameOf, sample, SAMPLE } from "../documents.mjs";
import { ajvFor, assessDocuments, canonicalJson, open as openStore, propose } from "../store.mjs";

const BATCH = 2000;

export async function open({ data, documents }) {
  const { store, close } = await openStore(data);
  let made = 0;
  /** New documents each time, as what was found valid once is not checked again. */
  const batch = () =>
    Array.from({ length: BATCH }, (_, index) => {
      const number = documents + ++made;
      const name = { collection: nameOf(documents - 1 - (index % 9), documents).collection, id: `new-${number}` };
      return [name, sample(name.id, number, FIRST_STUDY)];
    });
  const measured = async (milliseconds, prepare, work) => {
    const round = { operations: 0, milliseconds: 0 };
    while (round.milliseconds < milliseconds) {
      const prepared = prepare();
      const started = performance.now();
      round.operations += await work(prepared);
      round.milliseconds += performance.now() - started;
    }
    return round;
  };
  const ajv = ajvFor(SAMPLE.$schema);
  const validate = ajv.compile(SAMPLE);
  const validateTexts = (texts) => {
    for (const text of texts) if (!validate(JSON.parse(text))) throw new Error(ajv.errorsText(validate.errors));
    return texts.length;
  };
  return {
    gate: (milliseconds) =>
      measured(
        milliseconds,
        () => propose(store, batch()),
        (proposal) => assessDocuments(store, proposal),
      ),
    ajv: (milliseconds) =>
      measured(milliseconds, () => batch().map(([, document]) => canonicalJson(document)), validateTexts),
    close,
  };
}
