import manifest from '../../package.json' with { type: 'json' };

/** Put into the bundle when it is built. */
export const VERSION: string = manifest.version;
