// Lighthouse over pages of a site, in a Chromium of its own. What to do is given on stdin, as JSON; for each page a line of JSON
// comes back: the scores of its best run, and what cost it points in that.
import { json } from 'node:stream/consumers'
import { launch } from 'chrome-launcher'
import lighthouse, { desktopConfig } from 'lighthouse'

const { chromium, cookie, urls, categories, runs } = await json(process.stdin)
const chrome = await launch({ chromePath: chromium, chromeFlags: ['--headless=new', '--no-sandbox'], logLevel: 'silent' })
const flags = { port: chrome.port, onlyCategories: categories, extraHeaders: { Cookie: cookie }, logLevel: 'silent' }
if (!categories.includes('performance')) { // then nothing is timed, and nothing need come to rest
  Object.assign(flags, { pauseAfterFcpMs: 0, pauseAfterLoadMs: 0, networkQuietThresholdMs: 0, cpuQuietThresholdMs: 0 })
}

// what counts for a score and is not as it should be, with the first places
const lost = ({ audits, categories }) => Object.values(categories).flatMap((category) => category.auditRefs)
  .filter(({ id, weight }) => weight > 0 && audits[id].score !== null && audits[id].score < 1)
  .map(({ id }) => [id, audits[id].title, audits[id].displayValue, JSON.stringify(audits[id].details?.items?.slice(0, 3))].join(': ').slice(0, 1000))

// A busy machine now and then loses the beginning of a page, which Lighthouse says and advises to look again.
const run = async (url, again = 4) => {
  const { lhr } = await lighthouse(url, flags, desktopConfig)
  if (lhr.runtimeError && again) return run(url, again - 1)
  if (lhr.runtimeError) throw new Error(`${url}: ${lhr.runtimeError.message}`)
  const scores = Object.fromEntries(Object.values(lhr.categories).map(({ id, score }) => [id, Math.round(score * 100)]))
  return { url: lhr.finalDisplayedUrl, scores, lost: lost(lhr) }
}

const total = ({ scores }) => Object.values(scores).reduce((sum, score) => sum + score)

try {
  for (const url of urls) {
    const done = []
    while (done.length < runs) done.push(await run(url))
    console.log(JSON.stringify(done.reduce((best, next) => total(next) > total(best) ? next : best)))
  }
} finally {
  chrome.kill()
}
