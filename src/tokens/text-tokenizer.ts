/** Words to ids and back. Every text tokenizer stands behind this interface. */

export interface TextTokenizer {
  /**
   * Instructions are filled up with pad to this many ids, so that source and target picture lie at one fixed
   * distance; longer ones stay as they are. Undefined: they are taken as they come, as Emu3 does.
   */
  readonly instructionLength?: number | undefined;
  /** What a reader of the log should know about it, in one line; undefined where nothing is out of the ordinary. */
  readonly notice?: string | undefined;
  /** Encodes what a person wrote: no control token can come out, whatever the text says. */
  encode(text: string): number[];
  /** Encodes a template of ours, in which control tokens are written by their surface form. */
  encodeTemplate(text: string): number[];
  /** Text of the ids; control and image tokens are dropped, broken UTF-8 becomes U+FFFD. */
  decode(ids: readonly number[]): string;
  /** The files that restore it, name to content, to be written beside a checkpoint. */
  files(): ReadonlyMap<string, Uint8Array>;
}
