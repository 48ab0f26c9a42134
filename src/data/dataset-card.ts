/** Whose a published dataset is, and on which terms: what a user should know before he trains on it. */

export interface DatasetCard {
  /** As its authors write it ("OmniEdit"). */
  readonly title: string;
  /** Its repository on the Hugging Face hub ("TIGER-Lab/OmniEdit-Filtered-1.2M"), where it is there. */
  readonly hub?: string;
  /** The page that it is fetched from. */
  readonly page: string;
  /** SPDX identifier, or in words where there is none. */
  readonly licence: string;
  /** What one must do to get it, as a sentence; absent where it is open to all. */
  readonly gating?: string;
  /** Rows a split and bytes, as published, in words. */
  readonly size: string;
}
