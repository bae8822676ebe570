// The last line, which `cargo xtask test` adds up: `12 passed, 1 failed`.
import type { FullResult, Reporter, TestCase, TestResult } from '@playwright/test/reporter';

export default class Tally implements Reporter {
  private passed = 0;
  private failed = 0;

  onTestEnd(test: TestCase, result: TestResult) {
    if (result.status === 'skipped') return;
    if (result.status === test.expectedStatus) this.passed += 1;
    else this.failed += 1;
  }

  onEnd(result: FullResult) {
    // Nothing ran, or the server did not start.
    if (result.status !== 'passed' && this.failed === 0) this.failed = 1;
    console.log(`\n${this.passed} passed, ${this.failed} failed`);
  }

  printsToStdio() {
    return false;
  }
}
