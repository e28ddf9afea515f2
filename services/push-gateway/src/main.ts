import { runService } from '@governsai/service';
import { SERVICE, start } from './app.ts';

await runService(SERVICE, start);
