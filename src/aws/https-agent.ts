import { Agent } from 'node:https';

/**
 * Connections to AWS and its registries.
 *
 * Node's own agents, and the AWS SDK with them, do not look at HTTPS_PROXY; companies' own runners often have nothing
 * else. (`proxyEnv` came with Node 24.5; older ones ignore it.)
 */
export const httpsAgent = (): Agent => new Agent({ keepAlive: true, proxyEnv: process.env });
