import { featuresDocument, kernelFacts } from '../../features/document.ts';
import { print } from '../output.ts';
import { verb } from '../verb.ts';

export const entry = verb({
  usage: '',
  flags: {},
  arity: [0, 0],
  run: () => {
    print(`${JSON.stringify(featuresDocument(kernelFacts()), undefined, 2)}\n`);
    return 0;
  },
});
