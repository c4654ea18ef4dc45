import { bool, text } from '../../common/flags/flag.ts';

/** Of `run` and `create`. */
export const planFlags = {
  'dry-run': bool('Print what would be made, mounted, limited and published, and make nothing'),
  format: text("Print the plan of --dry-run with 'json'"),
};
