import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHART_DIR, chartFiles } from './chart/chart-files.ts';

// node tools/dist/chart-cli.js: writes the chart's generated files.

for (const [path, content] of chartFiles()) {
  writeFileSync(join(CHART_DIR, path), content);
  console.log(`written: helm/governsai/${path}`);
}
