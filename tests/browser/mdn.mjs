// MDN's sample page, unmodified, calls the native peer and is called by it. MDN_SAMPLE names the folder with its index.html
// (repository mdn/samples-server, s/webrtc-from-chat). usage: mdn.mjs chromium|firefox
import { Child, check, fail, launchBrowser, main, openPage, until } from './harness.mjs';

const sample = process.env.MDN_SAMPLE ?? fail('MDN_SAMPLE must name the folder of the sample');

async function join(browser, name) {
  // The sample's adapter.js is of 2017 and its getStats() fails in browsers of today: ours is kept from before it is loaded.
  const page = await openPage(browser, 'http://localhost:6503/', () => {
    window.getStatsOf = RTCPeerConnection.prototype.getStats;
  });
  await page.evaluate((n) => {
    document.getElementById('name').value = n;
    window.connect();
  }, name);
  await until(`${name} in the list`, () =>
    page.evaluate((n) => [...document.querySelectorAll('.userlistbox li')].some((li) => li.textContent === n), name));
  return page;
}

/** Pictures are decoded for the video element that shows the other side. (By getStats: without a sound device Firefox does not
 * start to play what has sound.) */
const plays = (page) =>
  until('moving pictures in the page', () =>
    page.evaluate(async () => {
      if (!document.getElementById('received_video').srcObject?.active || !window.myPeerConnection) return false;
      const decoded = async () =>
        [...(await window.getStatsOf.call(window.myPeerConnection)).values()]
          .filter((s) => s.type === 'inbound-rtp' && s.kind === 'video')
          .reduce((sum, s) => sum + (s.framesDecoded ?? 0), 0);
      const before = await decoded();
      await new Promise((resolve) => setTimeout(resolve, 500));
      return (await decoded()) > before + 3;
    }), 60);

main(async (browserName) => {
  const server = new Child(['serve', '--port', '6503', '--web-root', sample]);
  await server.waitFor(/Serving on/);
  const browser = await launchBrowser(browserName);

  const answering = new Child(['call', '--server', 'ws://localhost:6503', '--name', 'peerage', '--auto-answer']);
  await answering.waitFor(/Connected to/);
  let page = await join(browser, 'visitor');
  await until('the native peer in the list', () =>
    page.evaluate(() => [...document.querySelectorAll('.userlistbox li')].some((li) => li.textContent === 'peerage')));
  await page.evaluate(() => [...document.querySelectorAll('.userlistbox li')].find((li) => li.textContent === 'peerage').click());
  await plays(page);
  await answering.waitFor(/in \d+ kbit\/s, [1-9]\d* pictures\/s/, 60);
  check(true, "MDN's page calls the native peer: pictures both ways");
  await page.evaluate(() => window.hangUpCall());
  await answering.waitFor(/\[visitor\] hung up/);
  check(true, "MDN's page hung up");
  await answering.stop();
  await page.close();

  page = await join(browser, 'visitor');
  const inviting = new Child(['call', '--server', 'ws://localhost:6503', '--name', 'peerage', '--invite', 'visitor']);
  await plays(page);
  await inviting.waitFor(/in \d+ kbit\/s, [1-9]\d* pictures\/s/, 60);
  check(true, "the native peer calls MDN's page: pictures both ways");
  await inviting.stop();
});
