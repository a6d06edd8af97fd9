import fc from 'fast-check';

/**
 * Properties try the same cases in every run, because whether a commit is green must not depend on chance. Other cases are
 * tried every night (.github/workflows/nightly.yml) and by whoever looks for them: PROPERTY_SEED=random, or a number to see
 * what that run saw.
 */
const wanted = process.env.PROPERTY_SEED ?? '20261121';
const seed = wanted === 'random' ? Date.now() % 2 ** 31 : Number(wanted);
if (!Number.isSafeInteger(seed)) throw new Error(`PROPERTY_SEED is "${wanted}": a whole number, or random.`);
fc.configureGlobal({ seed });
