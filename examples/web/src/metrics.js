/** Upper bounds in seconds. */
const BUCKETS = [0.005, 0.025, 0.1, 0.5, 2.5];

/** Counts requests and their durations, and prints them in Prometheus' text format. */
export function createMetrics() {
  const requests = new Map();
  const durations = new Map();
  return {
    /** `route` is one of a few known texts, never the path itself: each value costs memory for ever. */
    observe({ method, route, status, seconds }) {
      const labels = `method="${method}",route="${route}",status="${status}"`;
      requests.set(labels, (requests.get(labels) ?? 0) + 1);
      const of = durations.get(route) ?? { counts: BUCKETS.map(() => 0), count: 0, sum: 0 };
      BUCKETS.forEach((bound, index) => {
        of.counts[index] += seconds <= bound ? 1 : 0;
      });
      of.count += 1;
      of.sum += seconds;
      durations.set(route, of);
    },
    text() {
      const lines = ['# TYPE http_requests_total counter'];
      for (const [labels, count] of requests) {
        lines.push(`http_requests_total{${labels}} ${count}`);
      }
      lines.push('# TYPE http_request_duration_seconds histogram');
      for (const [route, { counts, count, sum }] of durations) {
        const name = 'http_request_duration_seconds';
        BUCKETS.forEach((bound, index) => {
          lines.push(`${name}_bucket{route="${route}",le="${bound}"} ${counts[index]}`);
        });
        lines.push(`${name}_bucket{route="${route}",le="+Inf"} ${count}`);
        lines.push(`${name}_sum{route="${route}"} ${sum}`, `${name}_count{route="${route}"} ${count}`);
      }
      return `${lines.join('\n')}\n`;
    },
  };
}
