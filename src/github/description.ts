/** GitHub refuses longer descriptions of commit statuses and deployments (docs: "Create a commit status", 422). */
const LONGEST_DESCRIPTION = 140;

/**
 * One sentence as GitHub takes it as a description. Counted in UTF-16 units, which are never fewer than GitHub's characters;
 * never cut inside a surrogate pair.
 *
 * @param line without line breaks
 */
export const shortDescription = (line: string): string =>
  line.length <= LONGEST_DESCRIPTION
    ? line
    : `${line.slice(0, LONGEST_DESCRIPTION - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
