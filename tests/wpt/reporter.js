// Served in place of /resources/testharnessreport.js, the file that web-platform-tests leaves to whoever runs them. The
// runner keeps the time, with testharness.js's own timeout(), so that slow machines need not stretch the tests' timers.
(() => {
  'use strict';
  const kStatus = ['PASS', 'FAIL', 'TIMEOUT', 'NOTRUN', 'PRECONDITION_FAILED'];
  const kHarness = ['OK', 'ERROR', 'TIMEOUT', 'PRECONDITION_FAILED'];
  const subtest = ({ name, status, message }) => ({ name, status: kStatus[status], message: message ?? '' });
  const { fetch, location } = globalThis;
  const tell = globalThis.wptRunner ?? ((message) => {
    if (message.done) fetch('/wpt-runner', { method: 'POST', body: JSON.stringify({ page: location.pathname, ...message }) });
  });
  setup({ explicit_timeout: true, output: false });
  add_result_callback((test) => tell({ subtest: subtest(test) }));
  add_completion_callback((tests, status) => {
    tell({ done: true, status: kHarness[status.status], message: status.message ?? '', subtests: tests.map(subtest) });
  });
})();
